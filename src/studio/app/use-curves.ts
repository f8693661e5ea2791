/** A run's curves, followed while it trains: each time only the points that are new are asked for. */
import { useEffect, useRef, useState } from "preact/hooks";
import type { RunCurves } from "../api.ts";
import { ask, type Refused } from "./ask.ts";

export interface FollowedCurves {
  readonly value: RunCurves | undefined;
  readonly error: Refused | undefined;
  readonly again: () => void;
}

const LIVE_MS = 1500;
/** A run that does not train may be taken up again. */
const IDLE_MS = 10_000;

/** @param id undefined: nothing is followed */
export function useCurves(id: string | undefined): FollowedCurves {
  const [value, setValue] = useState<RunCurves>();
  const [error, setError] = useState<Refused>();
  const [round, setRound] = useState(0);
  const known = useRef<RunCurves | undefined>(undefined);
  useEffect(() => {
    if (id === undefined) return;
    const stop = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    known.current = undefined;
    const look = async (): Promise<void> => {
      try {
        const before = known.current;
        const query =
          before === undefined ? { id } : { id, from: before.step.length, generation: before.generation };
        const news = await ask<RunCurves>("api/curves", query, stop.signal);
        if (stop.signal.aborted) return;
        setError(undefined);
        if (before === undefined || !isSame(before, news)) {
          known.current = before === undefined ? news : added(before, news);
          setValue(known.current);
        }
      } catch (refused) {
        if (stop.signal.aborted) return;
        setError(refused as Refused);
      }
      const live = known.current?.summary.condition === "training" && !document.hidden;
      timer = setTimeout(look, live ? LIVE_MS : IDLE_MS);
    };
    void look();
    return () => {
      stop.abort();
      clearTimeout(timer);
    };
  }, [id, round]);
  return { value, error, again: () => setRound((before) => before + 1) };
}

/** Nothing new: no points, and the same standing. */
function isSame(before: RunCurves, news: RunCurves): boolean {
  return (
    news.generation === before.generation &&
    news.step.length === 0 &&
    JSON.stringify([news.summary, news.history.length, news.bestEpoch]) ===
      JSON.stringify([before.summary, before.history.length, before.bestEpoch])
  );
}

function added(before: RunCurves, news: RunCurves): RunCurves {
  if (news.generation !== before.generation || news.from === 0) return news;
  return {
    ...news,
    from: 0,
    step: [...before.step.slice(0, news.from), ...news.step],
    loss: [...before.loss.slice(0, news.from), ...news.loss],
    learningRate: [...before.learningRate.slice(0, news.from), ...news.learningRate],
    samplesPerSecond: [...before.samplesPerSecond.slice(0, news.from), ...news.samplesPerSecond],
  };
}
