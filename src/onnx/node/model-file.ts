/** ONNX models as files on disk, with or without a side file for their large tensors. */
import { closeSync, fstatSync, openSync, readFileSync, readSync } from "node:fs";
import { basename, dirname, isAbsolute, join } from "node:path";
import { DataError } from "../../core/index.ts";
import { writeFileAtomic } from "../../core/node/index.ts";
import { decodeModel, encodeModel } from "../codec.ts";
import { joinExternalData, splitExternalData } from "../external-data.ts";
import type { ModelProto } from "../onnx_pb.ts";

export interface SaveModelOptions {
  /** Side file for large initializers, in the model's own folder. Without it all is one file. */
  readonly externalDataPath?: string;
  /** Initializers of at least this many bytes go to the side file. @default 1024 */
  readonly minBytes?: number;
}

/**
 * Writes a model. The side file appears first, so a model on disk never points to nothing.
 *
 * @throws DataError when the side file is in another folder than the model (ONNX forbids it)
 */
export function saveModel(path: string, model: ModelProto, options: SaveModelOptions = {}): void {
  const { externalDataPath, minBytes } = options;
  if (externalDataPath === undefined) {
    writeFileAtomic(path, encodeModel(model));
    return;
  }
  if (join(dirname(externalDataPath)) !== join(dirname(path))) {
    throw new DataError("a model and its side file must be in one folder", {
      details: { path, externalDataPath },
    });
  }
  const split = splitExternalData(model, { location: basename(externalDataPath), minBytes });
  if (split.chunks.length > 0) writeFileAtomic(externalDataPath, split.chunks);
  writeFileAtomic(path, encodeModel(split.model));
}

/** Reads a model, side files included; relative locations start from the model's folder. */
export function readModel(path: string): ModelProto {
  const model = decodeModel(readFileSync(path));
  joinExternalData(model, (location, offset, length) => {
    if (isAbsolute(location) || location.split(/[\\/]/).includes("..")) {
      throw new DataError(`${path} points to a side file outside its folder: ${location}`, {
        details: { path, location },
      });
    }
    return readRange(join(dirname(path), location), offset, length);
  });
  return model;
}

function readRange(path: string, offset: number, length: number | undefined): Uint8Array {
  const file = openSync(path, "r");
  try {
    const available = Math.max(0, fstatSync(file).size - offset);
    const wanted = length ?? available;
    if (wanted > available) {
      throw new DataError(`${path} is shorter than the model says`, {
        details: { path, offset, wanted, available },
      });
    }
    const bytes = new Uint8Array(wanted);
    for (let done = 0; done < wanted; ) {
      done += readSync(file, bytes, done, Math.min(wanted - done, 1 << 30), offset + done);
    }
    return bytes;
  } finally {
    closeSync(file);
  }
}
