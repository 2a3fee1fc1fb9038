/**
 * Changes in two steps: all that can fail first, and then one that cannot. Knows not what changes.
 */

/** Something that is ready and not in force yet: one of the two is called, once. */
export interface PreparedChange {
  /** Puts it in force. Cannot fail. */
  commit(): void;
  /** Gives back what was prepared. */
  abandon(): Promise<void>;
}

/** Several changes as one, prepared in this order. Rejects as the first that cannot be prepared, with those before it given back. */
export async function prepareAll(steps: readonly (() => Promise<PreparedChange>)[]): Promise<PreparedChange> {
  const prepared: PreparedChange[] = [];
  const abandon = async () => {
    await Promise.all(prepared.map((change) => change.abandon()));
  };
  try {
    for (const step of steps) prepared.push(await step());
  } catch (error) {
    await abandon();
    throw error;
  }
  return { commit: () => prepared.forEach((change) => void change.commit()), abandon };
}
