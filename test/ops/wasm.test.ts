import { engineEqualsReference } from "./engine-parity.ts";

engineEqualsReference("wasm");
