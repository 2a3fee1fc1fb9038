/**
 * What one session may that is logged in: whether it may be there, whether a transfer may begin, and what that may. Of all limits that
 * apply the tightest holds. Asks who counts; counts only what is its own.
 */
import type { AmountsConfig, EventRate, Most } from '../config/limits.ts';
import type { ErrorCode } from '../errors/errors.ts';
import type { Way } from './bandwidth.ts';
import type { Claim, Entry, Spent } from './claims.ts';
import { LimitReached } from './limit-reached.ts';
import { DECISION, LimitScopes, type Read, type SessionOwner, tightest } from './limit-scopes.ts';
import type { LimitsInForce } from './limits-in-force.ts';
import { allowanceOf, type OwnBudget, type TransferAllowance } from './transfer-allowance.ts';

export type { SessionOwner };

/** A transfer that wants to begin. */
export interface WantedTransfer {
  readonly way: Way;
  /** Listings draw from bandwidths and count for nothing else. */
  readonly kind: 'file' | 'list';
  /** Bytes, where somebody said so. */
  readonly expected: number | undefined;
  /** Bytes of an uploaded file that are there before. */
  readonly offset: number;
}

/** Limits of each session, as one place of the configuration has them. */
interface EachSource {
  readonly uploadSize?: Most | undefined;
  readonly commandRate?: EventRate | 'unlimited' | undefined;
  readonly perSession?: { readonly [A in Spent]?: Most | undefined } | undefined;
}

const AMOUNTS = { up: ['bytesUp', 'filesUp'], down: ['bytesDown', 'filesDown'] } as const;
const USED_UP = { up: 'upload-quota-used-up', down: 'download-quota-used-up' } as const;
const EXCEEDED = { up: 'upload-quota-exceeded', down: 'download-quota-exceeded' } as const;

export class SessionLimits {
  readonly #inForce: LimitsInForce;
  readonly #owner: SessionOwner;
  readonly #scopes: LimitScopes;
  /** As far as anything of it is limited. */
  readonly #moved: Record<keyof AmountsConfig, number> = { bytesUp: 0, bytesDown: 0, filesUp: 0, filesDown: 0 };

  constructor(inForce: LimitsInForce, owner: SessionOwner) {
    this.#inForce = inForce;
    this.#owner = owner;
    this.#scopes = new LimitScopes(inForce, owner);
  }

  /** A place for the session among those of its user and its route, until it is left. Raises LimitReached. */
  async enter(): Promise<{ leave(): void }> {
    const { counts, limits } = this.#inForce;
    const { loginRate: rate } = limits.perUser;
    if (rate !== 'unlimited') {
      const key = 'limits.perUser.loginRate';
      const whose = this.#owner.user;
      const exceeded = await counts.attempt([{ limit: 'loginRate', scope: 'user', whose, key, rate }]);
      if (exceeded !== undefined) throw new LimitReached('too-many-logins-of-user', exceeded.refused);
    }
    // All together, and those of the address, were counted at the door.
    const claims = this.#scopes.claims('sessions', 'sessions', ({ sessions }) => sessions, ['user', 'route']);
    if (claims.length === 0) return { leave: () => {} };
    return placed(await counts.enter(claims), (scope) =>
      scope === 'user' ? 'too-many-sessions-of-user' : 'too-many-sessions-of-route',
    );
  }

  /** How often a command may come; undefined without bound. */
  get commandRate(): EventRate | undefined {
    return slowest(this.#sources.map(({ limits }) => limits.commandRate));
  }

  /** What a transfer may that begins now. Raises LimitReached where it must not begin. */
  async begin(wanted: WantedTransfer): Promise<TransferAllowance> {
    const { way, kind, expected = 1 } = wanted;
    const { counts, bandwidth } = this.#inForce;
    const bandwidths = this.#scopes.bandwidths(way);
    const exceeded = (claim: LimitReached['claim']) =>
      new LimitReached(claim.limit === 'uploadSize' ? 'upload-too-large' : EXCEEDED[way], claim);
    const rest = { counts, own: [], daily: [], exceeded, onFinish: () => {} };
    if (kind === 'list') return allowanceOf({ ...rest, drawings: bandwidth.open(bandwidths) });
    const [bytes, files] = AMOUNTS[way];
    const own = this.#ownBudgets(wanted);
    const daily = this.#scopes.claims(bytes, `perDay.${bytes}`, ({ perDay }) => perDay?.[bytes]);
    const dailyFiles = this.#scopes.claims(files, `perDay.${files}`, ({ perDay }) => perDay?.[files]);
    const places = this.#scopes.claims('transfers', 'transfers', ({ transfers }) => transfers);
    let [day, file]: [string | undefined, boolean] = [undefined, false];
    const giveBack = (): void => {
      if (day !== undefined) counts.giveBack(dailyFiles, 1, day);
      if (file) this.#moved[files] -= 1;
    };
    let place: { leave(): void } | undefined;
    try {
      if (daily.length > 0) await this.#spend(daily, 0, Math.max(1, expected), way);
      file = this.#ownFile(files, way);
      if (dailyFiles.length > 0) day = await this.#spend(dailyFiles, 1, 1, way);
      if (places.length > 0) place = placed(await counts.enter(places), () => 'too-many-transfers');
    } catch (error) {
      giveBack();
      throw error;
    }
    return allowanceOf({
      ...{ counts, daily, own, exceeded, drawings: bandwidth.open(bandwidths) },
      onFinish: (completed) => {
        place?.leave();
        if (!completed) giveBack();
      },
    });
  }

  /** Where limits of each session stand. */
  get #sources(): readonly { readonly key: string; readonly limits: EachSource }[] {
    const { route } = this.#scopes;
    const others = [
      { key: 'limits', limits: this.#inForce.limits },
      { key: DECISION, limits: this.#owner.decided },
    ];
    return route === undefined ? others : [...others, route];
  }

  #ownClaim(limit: Spent | 'uploadSize', key: string, read: Read<EachSource>): Claim | undefined {
    const bound = tightest(this.#sources, key, read);
    return bound && { limit, scope: 'session', whose: '', ...bound };
  }

  /** Whether files of the session are counted; counts this one. */
  #ownFile(files: 'filesUp' | 'filesDown', way: Way): boolean {
    const claim = this.#ownClaim(files, `perSession.${files}`, ({ perSession }) => perSession?.[files]);
    if (claim === undefined) return false;
    if (this.#moved[files] >= claim.most) throw new LimitReached(USED_UP[way], claim);
    this.#moved[files] += 1;
    return true;
  }

  #ownBudgets({ way, expected, offset }: WantedTransfer): readonly OwnBudget[] {
    const [bytes] = AMOUNTS[way];
    const budgets: OwnBudget[] = [];
    const size = way === 'up' ? this.#ownClaim('uploadSize', 'uploadSize', (each) => each.uploadSize) : undefined;
    if (size !== undefined) {
      let moved = offset;
      if (moved + (expected ?? 0) > size.most) throw new LimitReached('upload-too-large', size);
      budgets.push({
        claim: size,
        left: () => size.most - moved,
        spend: (more) => {
          moved += more;
        },
      });
    }
    const session = this.#ownClaim(bytes, `perSession.${bytes}`, ({ perSession }) => perSession?.[bytes]);
    if (session !== undefined) {
      const left = () => session.most - this.#moved[bytes];
      if (left() < Math.max(1, expected ?? 1)) throw new LimitReached(USED_UP[way], session);
      budgets.push({
        claim: session,
        left,
        spend: (more) => {
          this.#moved[bytes] += more;
        },
      });
    }
    return budgets;
  }

  /** The day on which it is spent. */
  async #spend(claims: readonly Claim<Spent>[], amount: number, need: number, way: Way): Promise<string> {
    const spending = await this.#inForce.counts.spend(claims, amount, need);
    if ('refused' in spending) throw new LimitReached(USED_UP[way], spending.refused);
    return spending.day;
  }
}

/** How often a command may come in a session that is not logged in yet; undefined without bound. */
export function commandRateBefore({ limits }: LimitsInForce): EventRate | undefined {
  return slowest([limits.commandRate]);
}

function slowest(rates: readonly (EventRate | 'unlimited' | undefined)[]): EventRate | undefined {
  const bounded = rates.filter((rate) => rate !== undefined && rate !== 'unlimited');
  return bounded.sort((a, b) => a.count / a.per - b.count / b.per)[0];
}

function placed(entry: Entry, code: (scope: string) => ErrorCode): { leave(): void } {
  if ('refused' in entry) throw new LimitReached(code(entry.refused.scope), entry.refused);
  return entry;
}
