/** Writes the server's OpenAPI document and the types of its client: `npm run build:client`. A test checks that they are up to date. */
import { fileURLToPath } from "node:url";
import { writeFileAtomic } from "../src/core/node/index.ts";
import { clientDocument, clientTypes } from "./client-types/index.ts";

const root = new URL("../", import.meta.url);
const write = (path: string, text: string): void => writeFileAtomic(fileURLToPath(new URL(path, root)), text);
const document = clientDocument();
write("schema/openapi.json", document);
write("src/serving/client/routes.ts", await clientTypes(document));
