/**
 * What the client is generated from and what is generated: the server's OpenAPI document, and its types.
 *
 * A package of its own: openapi-typescript works with the interface of TypeScript's compiler, which the version
 * that checks this repository does not have.
 */
import generate, { astToString } from "openapi-typescript";
import { packageVersion } from "../../src/core/node/index.ts";
import { openApiDocument } from "../../src/serving/openapi.ts";

/** The document of a server that asks for a token, which has everything that one without has. */
export function clientDocument(): string {
  const document = openApiDocument({ version: packageVersion(), secured: true });
  return `${JSON.stringify(document, null, 2)}\n`;
}

/** @param document as JSON */
export async function clientTypes(document: string): Promise<string> {
  const types = astToString(await generate(document));
  return `/** Generated from schema/openapi.json by \`npm run build:client\`: routes, and what goes in and out. */\n${types}`;
}
