import { engineEqualsReference } from "./engine-parity.ts";

engineEqualsReference("native");
