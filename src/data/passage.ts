/**
 * What is known of the ends of a data connection that comes through another gateway: that one sees the client, we see only its relay.
 */
export interface Passage {
  /**
   * Resolves once the client has ended its direction, and the other gateway its own: true by FIN and with every byte here that the client
   * has sent; false where it broke off, where bytes are missing, or where nobody will tell any more.
   */
  readonly ended: Promise<boolean>;
  /** Bytes that the other gateway has handed on to the client, as it has told last. */
  readonly handedOn: number;
  /** Resolves once our end was handed on behind all bytes: true where they were, false where they were lost, or nobody will tell. */
  readonly delivered: Promise<boolean>;
}
