/** The OpenAPI document of what this process serves. */
import type { RegisterProtocol } from './protocol.ts';

export const registerDocs: RegisterProtocol = () => {};
