/** How agents' websockets are closed when their hub ends: service restart, so that they come back by themselves. */
export const hubEnds = [1012, 'the hub is shutting down'] as const;
