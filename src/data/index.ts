export { openSource } from "./source.ts";
export type { RawColumn, RawSource, SourceFormat, SourceNote, SourceSpec } from "./source-spec.ts";
export { queryRow, queryRows, sqlName, sqlText, sqlTextList } from "./source-sql.ts";
export { expandFiles, literalPath } from "./source-files.ts";
