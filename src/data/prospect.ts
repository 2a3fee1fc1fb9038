/**
 * What a gateway says of a data connection to a port that others have, too.
 */

/** Who waits here for a connection, as far as port and address can tell. */
export interface Prospect {
  /** How many wait at this port for a client of this address. */
  readonly here: number;
  /** How many wait at this port, for clients of any address, that TLS can tell apart. */
  readonly able: number;
  /** Whether those of this address must prove by TLS that the connection is theirs. */
  readonly proof: boolean;
  /** Whether one of this address has lately given up a connection to this port, which may be this one. */
  readonly ghost: boolean;
}
