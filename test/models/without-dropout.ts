/** A model's options with every dropout among them at 0, not left out: a default may drop, too. */
export function withoutDropout(options: object): object {
  return Object.fromEntries(
    Object.entries(options).map(([key, value]) => [key, key.toLowerCase().includes("dropout") ? 0 : value]),
  );
}
