/** What a process has open beside connections: its code, its pipes, the sockets that come before the measuring. */
const OTHERS = 300;

/** Why a process cannot have so many connections, if so. */
export function missingFiles(connections: number): string | undefined {
  const limit = openFilesLimit();
  const needed = connections + OTHERS;
  if (limit === undefined || limit >= needed) return undefined;
  return `a process may have ${limit} files open, and it needs ${needed} (ulimit -n)`;
}

/** The hard limit, to which Node raises its own; undefined where there is none. */
function openFilesLimit(): number | undefined {
  const { userLimits } = process.report.getReport() as {
    userLimits?: { open_files?: { hard?: number | 'unlimited' } };
  };
  const hard = userLimits?.open_files?.hard;
  return typeof hard === 'number' ? hard : undefined;
}
