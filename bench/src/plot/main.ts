import { readFile, writeFile } from 'node:fs/promises';
import { drawReport } from './draw.js';
import { readReport } from './report.js';

const USAGE = 'Usage: npm run bench:plot -- RESULTS.json OUT.svg';
const EXIT_FAILED = 1;
const EXIT_USAGE = 2;

const [results, out, ...more] = process.argv.slice(2);
if (results === undefined || out === undefined || more.length > 0) {
  console.error(USAGE);
  process.exitCode = EXIT_USAGE;
} else {
  try {
    await writeFile(out, drawReport(readReport(await readFile(results, 'utf8'))));
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error));
    process.exitCode = EXIT_FAILED;
  }
}
