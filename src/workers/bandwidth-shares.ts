/**
 * How each bandwidth that is limited is shared among the workers: by the number of transfers that draw from it in each, so that each
 * transfer has the same wherever it runs. Moves no bytes.
 */

/** Tells a worker which part of a bandwidth is its own. */
export type TellShare = (bucket: string, part: number) => void;

export class BandwidthShares {
  /** Transfers by worker, for each bucket. */
  readonly #drawing = new Map<string, Map<TellShare, number>>();

  /** So many transfers of a worker draw from a bucket now; all who draw from it are told anew. */
  drawing(worker: TellShare, bucket: string, transfers: number): void {
    const workers = this.#drawing.get(bucket) ?? new Map<TellShare, number>();
    if (transfers > 0) workers.set(worker, transfers);
    else workers.delete(worker);
    if (workers.size > 0) this.#drawing.set(bucket, workers);
    else this.#drawing.delete(bucket);
    const total = [...workers.values()].reduce((sum, each) => sum + each, 0);
    for (const [tell, each] of workers) tell(bucket, each / total);
  }

  /** A worker has ended. */
  forget(worker: TellShare): void {
    const buckets = [...this.#drawing].filter(([, workers]) => workers.has(worker));
    for (const [bucket] of buckets) this.drawing(worker, bucket, 0);
  }
}
