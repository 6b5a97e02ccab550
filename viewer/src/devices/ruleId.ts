/** What a rule may be called, as the server has it. */
export const ruleId = /^[a-z0-9-]{1,40}$/;
