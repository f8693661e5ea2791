/** Source files bundled as an application's bundler would, for a browser: a `node:` import fails here. */
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

/** Bundles a module (its text, with imports relative to this folder) into one ES module. */
export async function bundleForBrowser(source: string): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents: source, loader: "ts", resolveDir: fileURLToPath(new URL(".", import.meta.url)) },
    bundle: true,
    format: "esm",
    platform: "browser",
    target: "es2022",
    write: false,
    logLevel: "silent",
  });
  return outputFiles[0].text;
}
