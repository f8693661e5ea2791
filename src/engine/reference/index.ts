/**
 * The reference engine: ONNX by its specification, in float64, one file a family of operators. It is the
 * judge of the other engines and of our own lowering, so it is written from the operator pages, not from
 * our ops; it is clear before it is fast.
 */
import { EngineError } from "../../core/index.ts";
import { decodeModel, joinExternalData } from "../../onnx/index.ts";
import type { Engine } from "../engine.ts";
import { ReferenceSession } from "./session.ts";

export interface ReferenceEngineOptions {
  /**
   * In which dtype float outputs are given: "float64" keeps every bit that was computed (and the session
   * describes its float inputs and outputs so), "declared" rounds to what the graph says, as other engines
   * do. Float inputs may be fed in either width in both cases. @default "float64"
   */
  readonly floatOutputs?: "float64" | "declared";
}

export function referenceEngine({ floatOutputs = "float64" }: ReferenceEngineOptions = {}): Engine {
  return {
    name: "reference",
    async load(bytes, { externalData = {} } = {}) {
      const model = decodeModel(bytes);
      joinExternalData(model, (location, offset, length) => {
        const file = externalData[location];
        if (file === undefined) {
          throw new EngineError(`reference engine: the model's side file ${location} was not given`, {
            hint: "pass its bytes as externalData",
          });
        }
        return file.subarray(offset, length === undefined ? undefined : offset + length);
      });
      return new ReferenceSession(model, floatOutputs === "float64");
    },
  };
}
