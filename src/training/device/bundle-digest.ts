/** What ties the parts of a bundle together: one digest over all of them, its id. */
import type { SafetensorsTensor } from "../../module/index.ts";

/**
 * SHA-256 over the manifest and the parts' digests in the order of their names, 16 hexadecimal digits of it.
 *
 * @param manifest as the file holds it, in JSON
 */
export async function bundleId(
  tensors: { readonly [name: string]: SafetensorsTensor },
  manifest: string,
): Promise<string> {
  const lines = [manifest];
  for (const name of Object.keys(tensors).sort())
    lines.push(`${name} ${await sha256(viewOf(tensors[name]))}`);
  return (await sha256(new TextEncoder().encode(lines.join("\n")))).slice(0, 16);
}

/** Whether ids can be computed here: browsers give pages without https no digests, other than on this machine. */
export function canDigest(): boolean {
  return globalThis.crypto?.subtle !== undefined;
}

function viewOf({ data }: SafetensorsTensor): Uint8Array<ArrayBuffer> {
  return new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength);
}

async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
