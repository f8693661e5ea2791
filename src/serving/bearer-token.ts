/** The optional secret of a server, compared in time that does not depend on what was sent. */
import { createHash, timingSafeEqual } from "node:crypto";

export class BearerToken {
  readonly #digest: Buffer;

  constructor(token: string) {
    this.#digest = digestOf(token);
  }

  /** Whether an `Authorization` header carries the token. */
  accepts(header: string | undefined): boolean {
    const given = /^Bearer +(.*)$/i.exec(header ?? "")?.[1];
    // Digests have one length, so that not even the token's length can be measured.
    const same = timingSafeEqual(digestOf(given ?? ""), this.#digest);
    return same && given !== undefined;
  }
}

function digestOf(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
