/**
 * The error codes: numbers that keep their meaning, with the name in documents and a text for people.
 *
 * Generated from `crates/core/src/code.rs`; change them there.
 * @module
 */

/** @type {ReadonlyArray<readonly [number, string, string]>} number, name, text */
const TABLE = [
  [1, "ProtocolVersion", "this server speaks another protocol version; update the client"],
  [2, "DigestMismatch", "the client was built for other entity definitions; reload or update it"],
  [3, "Malformed", "the message could not be read"],
  [4, "OutOfOrder", "the message is not allowed at this point"],
  [5, "FrameTooLarge", "the packet is larger than the server accepts"],
  [6, "RateExceeded", "messages come faster than the server accepts"],
  [7, "TooManyConnections", "too many connections from this address"],
  [8, "TooSlow", "the connection did not take what the server had to send"],
  [9, "Idle", "nothing came from the client for too long"],
  [10, "ServerStopping", "the server is stopping"],
  [11, "ServerFault", "the server met an internal fault; it is logged"],
  [12, "Busy", "the server is overloaded; try again shortly"],
  [13, "Unavailable", "a part of the server that this needs is not reachable"],
  [100, "NameTaken", "the name is taken"],
  [101, "NameInvalid", "the name must have 2 to 24 letters, digits, spaces, `-` or `_`, and no space at either end"],
  [102, "PasswordInvalid", "the password must have 6 to 128 characters"],
  [103, "LoginFailed", "no account with this name and password"],
  [104, "TooManyAttempts", "too many attempts; wait a minute"],
  [105, "NotLoggedIn", "log in first"],
  [106, "RegistrationClosed", "new accounts are not accepted"],
  [107, "RoleLimit", "the account has as many roles as it may have"],
  [108, "RoleUnknown", "the account has no such role"],
  [109, "RoleDeleting", "the role is being deleted; restore it first"],
  [110, "QueueFull", "the login queue is full; try again later"],
  [111, "AccountBanned", "the account is banned"],
  [200, "TicketInvalid", "the ticket is unknown, used or too old; log in again"],
  [201, "LoggedInElsewhere", "the account logged in from another place"],
  [202, "Kicked", "you were removed from the game"],
  [203, "RoleDeleted", "the role was deleted"],
  [300, "MethodUnknown", "there is no such method"],
  [301, "NotAllowed", "the method may not be called from there"],
  [302, "ArgumentInvalid", "an argument has the wrong type or is out of range"],
  [303, "EntityUnknown", "there is no such entity"],
  [304, "ScriptFailed", "the method failed; the fault is logged"],
  [305, "Refused", "the method refused"],
  [306, "DeadlinePassed", "no answer came in time; it may have happened"],
  [307, "BudgetExceeded", "the method used more than its budget of steps or memory"],
  [400, "RecordUnknown", "there is no such record"],
  [401, "Stale", "a newer owner writes this record"],
  [402, "Owned", "another process owns this record"],
  [403, "StoreFailed", "the database could not do it; it is logged"],
  [404, "ItemTaken", "another record holds this item"],
  [500, "MovedTooFar", "the movement was faster than allowed"],
  [501, "OutOfBounds", "the position is outside the space"],
];

/** The number of each code by its name: `Code.Refused`. */
export const Code = Object.freeze(Object.fromEntries(TABLE.map(([number, name]) => [name, number])));

const NAMES = new Map(TABLE.map(([number, name]) => [number, name]));
const TEXTS = new Map(TABLE.map(([number, , text]) => [number, text]));

/**
 * The name of a code; a number that this version does not know is shown as such.
 * @param {number} number
 */
export function codeName(number) {
  return NAMES.get(number) ?? `Code${number}`;
}

/**
 * What to tell a person when no better text came along.
 * @param {number} number
 */
export function codeText(number) {
  return TEXTS.get(number) ?? `the server refused with code ${number}`;
}
