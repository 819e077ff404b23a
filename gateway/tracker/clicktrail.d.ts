/** The types of Clicktrail's tracking script, `/v1/c.js`. */

export interface Options {
  /** The gateway's address. Needed where the script is not loaded from its `/v1/c.js`: in a bundle, as a module. */
  apiRoot?: string;
  /** A session to go on with, such as one that the shop's server knows. */
  session?: string;
  /** Whether visitors without a session get one. Default: true. */
  autoGenerateSession?: boolean;
  /** `denied`: nothing is kept or sent until `optIn()`. What the visitor chose before goes first. */
  consent?: 'granted' | 'denied';
  /** Whether the browser's Global Privacy Control counts as `denied`. Default: false. */
  respectGPC?: boolean;
  /** Whether views of pages are tracked by themselves, also on `history.pushState`. Default: false. */
  autoPageviews?: boolean;
  /** Whether the session stays in the page's address. Default: false. */
  keepAddress?: boolean;
  /** The domain of the cookies; '' for this host alone. Default: the shop's registrable domain. */
  cookieDomain?: string;
  /** With an adapter (`c.js?for=…`): the source of the shop's connection, where that is not the platform's name. */
  source?: string;
  /** Whether every call and answer is written to the console. Default: false. */
  debug?: boolean;
}

/** What became of a call. While the API has not answered, there is no more than `data.status`, `waiting`. */
export interface Result {
  succeeded?: boolean;
  failed?: boolean;
  data:
    | { status: 'received'; id?: string }
    | { status: 'waiting' }
    | { errors: { type: string; parameter?: string; description: string }[] }
    | string;
}

export interface ObjectParameters {
  reference?: string | number;
  name?: string;
  source?: string;
  [field: string]: unknown;
}

export interface EventParameters {
  /** The sender's own id of the event. Default: a new one. */
  id?: string;
  object?: string;
  object_parameters?: ObjectParameters;
  object_type?: string;
  /** A number, or a decimal string. */
  amount?: number | string;
  /** ISO 4217. Default: the business's own. */
  currency?: string;
  metadata?: Record<string, unknown>;
  /** When it happened: Unix seconds or ISO 8601. Default: now. */
  tracked_at?: number | string | Date;
  /** Where it happened. Default: this page. */
  url?: string;
  [field: string]: unknown;
}

export interface Person {
  /** Which system the id is of, such as `shopify`. */
  source?: string;
  email?: string;
  phone?: string;
  name?: string;
  /** The HMAC-SHA256 (hex) of the id with the business's identity secret, made by the shop's server. */
  user_hash?: string;
}

export type Action =
  | 'app.installed'
  | 'app.removed'
  | 'app.spent'
  | 'cart.abandoned'
  | 'cart.added'
  | 'cart.removed'
  | 'cart.viewed'
  | 'checkout.started'
  | 'coupon.redeemed'
  | 'form.completed'
  | 'order.placed'
  | 'order.confirmed'
  | 'order.cancelled'
  | 'order.shipped'
  | 'order.delivered'
  | 'page.viewed'
  | 'product.purchased'
  | 'product.viewed'
  | 'refund.requested'
  | 'refund.received'
  | 'subscribed'
  | 'unsubscribed';

/** No call throws or rejects: what went wrong stands in its result. */
export interface Tracker {
  /** The visitor's session; '' or undefined where there is none. */
  readonly session?: string;
  /** Whether a business was given. Undefined: the script has not come yet. */
  readonly isInitialized?: boolean;
  initialize(business: string, options?: Options): Promise<Result | undefined>;
  /** Track a built-in action, or one of the business's own. */
  track(action: Action | (string & {}), parameters?: EventParameters): Promise<Result>;
  /** Say who the visitor is. What scripts make of nothing (`undefined`, `NaN`, `{}`, `0`) fails. */
  identify(id: string | number | bigint, person?: Person): Promise<Result>;
  /** Begin anew, as at a logout. */
  forget(): Promise<Result | undefined>;
  /** Remember that the visitor is tracked. */
  optIn(): Promise<Result | undefined>;
  /** Remember that the visitor is not tracked, and erase what is kept in the browser. */
  optOut(): Promise<Result | undefined>;
  /** Hear of each session, also of the one at hand. */
  on(event: 'session-set', listener: (session: string) => void): void;
  removeEventListener(event: 'session-set', listener: (session: string) => void): void;
}

declare global {
  const Clicktrail: Tracker;
  const Hellotext: Tracker;
  interface Window {
    Clicktrail: Tracker;
    Hellotext: Tracker;
  }
}
