/** Something only the operator can put right. The message says how, so it is printed alone: a stack would hide it. */
export class OperatorError extends Error {}
