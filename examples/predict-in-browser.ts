/** The same in a web page. Bundle it; serve the model, the feature map and ONNX Runtime's .wasm beside it. */
import { createRowEncoder, type RawRow } from "millrace/schema";
import * as ort from "onnxruntime-web/wasm";

ort.env.wasm.wasmPaths = { wasm: "/ort-wasm-simd-threaded.wasm" };
const encoder = createRowEncoder(await (await fetch("/feature-map.json")).json());
const session = await ort.InferenceSession.create("/model.onnx");

export async function probabilities(rows: readonly RawRow[]): Promise<number[]> {
  const { size, columns } = encoder.encode(rows);
  const feeds: Record<string, ort.Tensor> = {};
  for (const info of session.inputMetadata) {
    const lists = info.isTensor && info.shape.length === 2; // histories and vectors
    const data = columns[info.name] as Float32Array;
    feeds[info.name] = new ort.Tensor(data, lists ? [size, data.length / size] : [size]);
  }
  const { probability } = await session.run(feeds);
  return Array.from(probability.data as Float32Array);
}
