/** Writes the reference pages of configurations and cascades, and their JSON Schemas: `npm run build:docs`. A test checks that they are up to date. */
import { fileURLToPath } from "node:url";
import { writeFileAtomic } from "../src/core/node/index.ts";
import { cascadeJsonSchema, cascadePage } from "./cascade-reference.ts";
import { configJsonSchema, configPage } from "./config-reference.ts";

const root = new URL("../", import.meta.url);
const write = (path: string, text: string): void => writeFileAtomic(fileURLToPath(new URL(path, root)), text);
write("docs/config.md", configPage());
write("schema/config.schema.json", `${JSON.stringify(configJsonSchema(), null, 2)}\n`);
write("docs/cascade-config.md", cascadePage());
write("schema/cascade.schema.json", `${JSON.stringify(cascadeJsonSchema(), null, 2)}\n`);
