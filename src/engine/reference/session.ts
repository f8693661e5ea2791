/** Runs a graph node by node in its own order, skipping what no wanted output needs. */
import { EngineError, nearestName } from "../../core/index.ts";
import {
  dtypeFromProto,
  elementCount,
  type GraphProto,
  type HostTensor,
  hostFromTensor,
  type ModelProto,
  type ValueInfoProto,
} from "../../onnx/index.ts";
import type { Session, TensorInfo } from "../engine.ts";
import { copyInto, missingFeed, overwritesFeed, refuseUnknown, wrongDType } from "../feeds.ts";
import { kernels } from "./kernels.ts";
import { bodiesOf, loops, nodesFor, runNodes } from "./run-nodes.ts";
import { fromHost, isFloat, toHost, type Value } from "./value.ts";

const engine = "reference";

export class ReferenceSession implements Session {
  readonly inputs: readonly TensorInfo[];
  readonly outputs: readonly TensorInfo[];
  readonly #graph: GraphProto;
  readonly #declaredInputs: readonly TensorInfo[];
  readonly #initializers = new Map<string, Value>();
  readonly #wide: boolean;

  constructor(model: ModelProto, wide: boolean) {
    const graph = model.graph!;
    checkOperators(model, graph);
    for (const tensor of graph.initializer)
      this.#initializers.set(tensor.name, fromHost(hostFromTensor(tensor)));
    this.#graph = graph;
    this.#wide = wide;
    // Older files list initializers among the inputs.
    this.#declaredInputs = graph.input.filter((value) => !this.#initializers.has(value.name)).map(tensorInfo);
    const widened = (info: TensorInfo): TensorInfo =>
      isFloat(info.dtype) ? { ...info, dtype: "float64" } : info;
    this.inputs = wide ? this.#declaredInputs.map(widened) : this.#declaredInputs;
    this.outputs = graph.output.map(tensorInfo).map((info) => (wide ? widened(info) : info));
  }

  async run(
    feeds: { readonly [name: string]: HostTensor },
    options: {
      readonly fetch?: readonly string[];
      readonly into?: { readonly [name: string]: HostTensor };
    } = {},
  ): Promise<{ [name: string]: HostTensor }> {
    const { into = {} } = options;
    const outputNames = new Set(this.outputs.map(({ name }) => name));
    refuseUnknown(engine, "input", Object.keys(feeds), new Set(this.inputs.map(({ name }) => name)));
    refuseUnknown(engine, "output", [...(options.fetch ?? []), ...Object.keys(into)], outputNames);
    const values = new Map(this.#initializers);
    for (const info of this.#declaredInputs) values.set(info.name, feedValue(info, feeds));

    const fetch = options.fetch ?? [...outputNames];
    const fed = new Set(Object.values(feeds).map(({ data }) => data));
    for (const name of fetch)
      if (name in into && fed.has(into[name].data)) throw overwritesFeed(engine, name);
    runNodes(nodesFor(this.#graph.node, fetch), values);
    return Object.fromEntries(
      fetch.map((name) => {
        const value = values.get(name);
        if (value === undefined)
          throw new EngineError(`reference engine: nothing computes the output "${name}"`);
        const target = into[name];
        if (target === undefined) return [name, toHost(value, this.#wide)];
        return [name, copyInto(engine, name, target, toHost(value, target.dtype === "float64"))];
      }),
    );
  }

  async release(): Promise<undefined> {
    this.#initializers.clear();
  }
}

/** Says at loading, not in the middle of a run, which operator is missing. */
function checkOperators(model: ModelProto, graph: GraphProto): void {
  const opset = Number(
    model.opsetImport.find(({ domain }) => domain === "" || domain === "ai.onnx")?.version ?? 0,
  );
  if (opset < 13) {
    throw new EngineError(`reference engine: operator set ${opset} is too old; 13 or later is understood`, {
      details: { opset },
    });
  }
  checkNodes(graph);
}

function checkNodes(graph: GraphProto): void {
  for (const node of graph.node) {
    for (const body of bodiesOf(node)) checkNodes(body);
    const standard = node.domain === "" || node.domain === "ai.onnx";
    if (standard && (Object.hasOwn(kernels, node.opType) || Object.hasOwn(loops, node.opType))) continue;
    const nearest = nearestName(node.opType, [...Object.keys(kernels), ...Object.keys(loops)]);
    throw new EngineError(
      `reference engine: operator ${standard ? "" : `${node.domain}.`}${node.opType} (node "${node.name}") is missing`,
      {
        details: { opType: node.opType, domain: node.domain, node: node.name },
        hint: nearest === undefined ? undefined : `the nearest it has is ${nearest}`,
      },
    );
  }
}

/** A float input may be fed in either width; others must match. Named dimensions may have any size. */
function feedValue(info: TensorInfo, feeds: { readonly [name: string]: HostTensor }): Value {
  const feed = feeds[info.name];
  if (feed === undefined) throw missingFeed(engine, info.name, feeds);
  if (feed.dtype !== info.dtype && !(isFloat(feed.dtype) && isFloat(info.dtype))) {
    throw wrongDType(engine, info.name, info.dtype, feed.dtype);
  }
  const fits =
    feed.dims.length === info.shape.length &&
    info.shape.every((dim, i) => typeof dim === "string" || dim === feed.dims[i]);
  if (!fits || feed.data.length !== elementCount(feed.dims)) {
    throw new EngineError(
      `reference engine: input "${info.name}" has shape [${info.shape.join(", ")}], was fed [${feed.dims.join(", ")}] with ${feed.data.length} values`,
      { details: { name: info.name, expected: info.shape, received: feed.dims, values: feed.data.length } },
    );
  }
  return { ...fromHost(feed), dtype: info.dtype } as Value;
}

function tensorInfo(value: ValueInfoProto): TensorInfo {
  const type = value.type?.value;
  if (type?.case !== "tensorType") throw new EngineError(`reference engine: "${value.name}" is not a tensor`);
  return {
    name: value.name,
    dtype: dtypeFromProto(type.value.elemType, `graph value ${value.name}`),
    shape: (type.value.shape?.dim ?? []).map(({ value: dim }) =>
      dim.case === "dimValue" ? Number(dim.value) : (dim.value ?? ""),
    ),
  };
}
