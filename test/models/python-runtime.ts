/** ONNX files in Python: through ONNX's checker, then run by its own onnxruntime. */
import { spawnSync } from "node:child_process";
import type { HostTensor } from "../../src/engine/index.ts";
import { expect } from "vitest";

export const python = process.env.MILLRACE_PYTHON || "python3";

export interface PythonJob {
  readonly file: string;
  readonly outputs: readonly string[];
  readonly feeds: { readonly [name: string]: HostTensor };
}

/** Why no files can be run in Python here, by its modules beside numpy; undefined where they can. */
export function noPythonRuntime(modules: readonly string[] = ["onnx", "onnxruntime"]): string | undefined {
  const probe = spawnSync(python, ["-c", `import numpy, ${modules.join(", ")}`]);
  if (probe.status === 0) return undefined;
  return `${python} cannot import ${modules.join(" and ")} (set MILLRACE_PYTHON to one that can)`;
}

/** Outputs of each job in the job's order, flat. */
export function runInPython(jobs: readonly PythonJob[]): number[][][] {
  const plain = jobs.map(({ feeds, ...job }) => {
    const columns = Object.entries(feeds).map(([name, { dtype, dims, data }]) => [
      name,
      { dtype, dims, data: Array.from(data as Float32Array) },
    ]);
    return { ...job, feeds: Object.fromEntries(columns) };
  });
  const { stdout, stderr, status } = spawnSync(python, ["-c", checkAndRun], {
    input: JSON.stringify(plain),
    encoding: "utf8",
    maxBuffer: 2 ** 26,
  });
  expect(status, stderr).toBe(0);
  return JSON.parse(stdout);
}

const checkAndRun = `
import json, sys
import numpy, onnx, onnxruntime
results = []
for job in json.load(sys.stdin):
    model = onnx.load(job["file"])
    onnx.checker.check_model(model, full_check=True)
    session = onnxruntime.InferenceSession(job["file"], providers=["CPUExecutionProvider"])
    feeds = {k: numpy.array(v["data"], v["dtype"]).reshape(v["dims"]) for k, v in job["feeds"].items()}
    results.append([output.flatten().tolist() for output in session.run(job["outputs"], feeds)])
print(json.dumps(results))
`;
