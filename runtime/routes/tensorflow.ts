/** The REST API of TensorFlow Serving. */
import type { RegisterProtocol } from './protocol.ts';

export const registerTensorflow: RegisterProtocol = () => {};
