/** The container contract of Vertex AI. */
import type { RegisterProtocol } from './protocol.ts';

export const registerVertex: RegisterProtocol = () => {};
