/** Writes docs/config.md and schema/config.schema.json: `npm run build:docs`. A test checks that they are up to date. */
import { fileURLToPath } from "node:url";
import { writeFileAtomic } from "../src/core/node/index.ts";
import { configJsonSchema, configPage } from "./config-reference.ts";

const root = new URL("../", import.meta.url);
writeFileAtomic(fileURLToPath(new URL("docs/config.md", root)), configPage());
writeFileAtomic(
  fileURLToPath(new URL("schema/config.schema.json", root)),
  `${JSON.stringify(configJsonSchema(), null, 2)}\n`,
);
