/** libsvm and libfm text: `label index:value index:value …`, one row a line. */
import type { DuckDBConnection } from "@duckdb/node-api";
import { DataError } from "../core/index.ts";
import type { RawSource, SourceSpec } from "./source-spec.ts";

/** Opens libsvm or libfm files. @throws DataError as `openSource` */
export async function openLibsvm(
  _connection: DuckDBConnection,
  files: readonly string[],
  format: "libsvm" | "libfm",
  _spec: SourceSpec,
): Promise<RawSource> {
  throw new DataError(`${files[0]}: ${format} files cannot be read yet`, { details: { file: files[0] } });
}
