/** A DuckDB instance for one piece of work: bounded memory, spilling beside the output, no network. */
import { mkdirSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { type DuckDBConnection, DuckDBInstance } from "@duckdb/node-api";
import { removePath } from "../core/node/index.ts";

export interface Session {
  readonly connection: DuckDBConnection;
  /** Folder for files that live as long as the session. */
  readonly scratch: string;
  close(): void;
}

export interface SessionOptions {
  /** What DuckDB may hold in memory before it spills, in MiB. @default 768 */
  readonly memory?: number;
  readonly threads?: number;
}

/** Opens an in-memory database whose spill files and scratch files go under `scratch`. */
export async function openSession(
  scratch: string,
  { memory = 768, threads = availableParallelism() }: SessionOptions = {},
): Promise<Session> {
  mkdirSync(scratch, { recursive: true });
  const instance = await DuckDBInstance.create(":memory:", {
    memory_limit: `${memory}MiB`,
    temp_directory: join(scratch, "spill"),
    threads: String(threads),
    autoinstall_known_extensions: "false",
    autoload_known_extensions: "false",
  });
  const connection = await instance.connect();
  await connection.run("SET TimeZone = 'UTC'");
  // Room for the database to read on while a chunk is being worked on. A fetch fills all of it before it
  // answers: with 32 MiB a few long fetches, during which nobody works, instead of many short ones.
  await connection.run("SET streaming_buffer_size = '4MiB'");
  return {
    connection,
    scratch,
    close() {
      connection.closeSync();
      instance.closeSync();
      removePath(scratch);
    },
  };
}
