/** The container contract of SageMaker. */
import type { RegisterProtocol } from './protocol.ts';

export const registerSagemaker: RegisterProtocol = () => {};
