/** The value below which a part of all values is. */
export function quantile(values: number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN;
}

export function median(values: number[]): number {
  return quantile(values, 0.5);
}

/** The median of what one was of the other in the same round: rounds differ more than subjects do. */
export function medianRatio(values: number[], base: number[]): number {
  return median(values.map((value, round) => value / (base[round] ?? Number.NaN)));
}
