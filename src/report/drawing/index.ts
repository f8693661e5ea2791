/** The parts of reports that run in browsers too: numbers as text, and axes. */
export {
  formatBytes,
  formatCount,
  formatMetric,
  formatSeconds,
  formatShare,
  formatSignificant,
  isLongCell,
} from "../format.ts";
export { integerScale, linearScale, logitScale, logScale, type Scale } from "../scale.ts";
