/** GraphQL, by mercurius. */
import type { RegisterProtocol } from './protocol.ts';

export const registerGraphql: RegisterProtocol = () => {};
