// Who is signed in: the key, kept for this tab alone. A key says its role in its prefix; the server
// decides what it may do.
export type Role = 'read' | 'admin';

const PLACE = 'clade.key';
let ended: () => void = () => undefined;

export function roleOf(token: string): Role | 'write' | undefined {
  const match = /^clade_(read|write|admin)_[0-9a-f]+$/.exec(token);
  return match?.[1] as Role | 'write' | undefined;
}

export const session = {
  token: (): string => sessionStorage.getItem(PLACE) ?? '',
  role: (): Role | undefined => {
    const role = roleOf(session.token());
    return role === 'write' ? undefined : role;
  },
  start: (token: string): void => sessionStorage.setItem(PLACE, token),
  end: (): void => {
    sessionStorage.removeItem(PLACE);
    ended();
  },
  onEnd: (tell: () => void): void => { ended = tell; },
};
