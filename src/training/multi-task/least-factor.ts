/**
 * The least a moving factor may become. What a task's gradient would be without its factor is told by dividing
 * by it, so a task that had vanished could never come back; and optimizers would take factors below zero.
 */
export const LEAST_FACTOR = 1e-3;
