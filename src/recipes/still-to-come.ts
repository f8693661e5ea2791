/** Results that are written part by part say which parts are still to come. */

/** A result's note with the parts that are not measured yet. */
export function stillToCome(note: string, left: readonly string[]): string {
  return left.length === 0 ? note : `${note} Not measured yet: ${left.join(", ")}.`;
}
