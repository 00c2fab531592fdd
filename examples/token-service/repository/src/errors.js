// Every way in which a token is refused: what the client is told, and with which status.
export const errors = {
  malformed: { status: 400, message: "the token is malformed" },
};

export function refuse(code) {
  const { status, message } = errors[code];
  return Object.assign(new Error(message), { code, status });
}
