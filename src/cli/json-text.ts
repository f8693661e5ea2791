/** JSON for stdout: numbers that JSON has no word for become null, 64-bit integers become numbers. */
export function jsonText(value: unknown): string {
  return JSON.stringify(
    value,
    (_, entry: unknown) => {
      if (typeof entry === "bigint") return Number(entry);
      if (ArrayBuffer.isView(entry)) return Array.from(entry as unknown as ArrayLike<number>);
      return entry instanceof Map ? Object.fromEntries(entry) : entry;
    },
    2,
  );
}
