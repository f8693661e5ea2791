/** Tables for terminals: text to the left, figures to the right. */

/** One line a row; the first row holds the headings. A column is right-aligned when all below it are figures. */
export function textTable(rows: readonly (readonly string[])[]): string {
  const columns = rows[0].length;
  const widths = Array.from({ length: columns }, (_, k) =>
    Math.max(...rows.map((row) => (row[k] ?? "").length)),
  );
  const right = Array.from(
    { length: columns },
    (_, k) =>
      k > 0 && rows.slice(1).every((row) => /^$|^[-+−]?[\d.,]+( [A-Za-z%]+)?$|^–$/.test(row[k] ?? "")),
  );
  return rows
    .map((row) =>
      widths
        .map((width, k) => (right[k] ? (row[k] ?? "").padStart(width) : (row[k] ?? "").padEnd(width)))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

/** `1234567` as `1,234,567`. */
export function count(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}

/** Bytes with a binary unit, such as `6.1 MiB`. */
export function bytes(value: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  const power = value < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(value) / 10));
  return power === 0 ? `${value} B` : `${(value / 1024 ** power).toFixed(1)} ${units[power]}`;
}

/** Seconds as `0.8 s`, `12 s`, `3 min 20 s`. */
export function duration(seconds: number): string {
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 120) return `${Math.round(seconds)} s`;
  return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
}
