/** Finds the name that the user probably meant. Undefined if no name is close enough. */
export function closestName(given: string, known: readonly string[]): string | undefined {
  let closest: string | undefined;
  // Up to two fifths of the letters may differ: "reconnectDelay" still finds "reconnectionDelay".
  let least = Math.floor(given.length * 0.4) + 1;
  for (const name of known) {
    const distance = editDistance(given.toLowerCase(), name.toLowerCase());
    if (distance < least) [closest, least] = [name, distance];
  }
  return closest;
}

/** The number of letters to insert, remove, replace or swap with their neighbour to turn one name into the other. */
function editDistance(from: string, to: string): number {
  let before: number[] = [];
  let above = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let row = 1; row <= from.length; row++) {
    const current = [row];
    for (let column = 1; column <= to.length; column++) {
      const isSame = from[row - 1] === to[column - 1];
      const isSwapped = from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1];
      current[column] = Math.min(
        above[column] + 1,
        current[column - 1] + 1,
        above[column - 1] + (isSame ? 0 : 1),
        isSwapped && row > 1 && column > 1 ? before[column - 2] + 1 : Infinity,
      );
    }
    [before, above] = [above, current];
  }
  return above[to.length];
}
