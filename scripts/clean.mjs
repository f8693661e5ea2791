import { rmSync } from "node:fs";

// Files of deleted modules must not stay in the package.
rmSync("dist", { recursive: true, force: true });
