/**
 * Why a connection to a passive port was closed. `unexpected`: nobody waits for it. `unidentified`: several wait, or the
 * address is another one, and its ClientHello names no session that waits here. `unproven`: it named one, and could not
 * resume it. `overload`: too many are being looked at, or handed over. `owner-gone`: the replica that may have its session cannot be
 * asked. `forged`: it claimed to come from another replica, and could not show that.
 */
export type UnclaimedCause = 'unexpected' | 'unidentified' | 'unproven' | 'overload' | 'owner-gone' | 'forged';
