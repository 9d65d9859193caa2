/** Asks who the user is when the server wants to know. */
import { useState } from 'preact/hooks';
import { Button } from '../components/button.tsx';
import { Dialog } from '../components/dialog.tsx';
import { Tabs } from '../components/tabs.tsx';
import { answerSignIn, asked, basic, bearer } from './credentials.ts';

const ways = [
  { name: 'token', label: 'Token' },
  { name: 'password', label: 'Name and password' },
] as const;
type Way = (typeof ways)[number]['name'];

export function SignIn() {
  return asked.value === undefined ? null : <SignInForm refused={asked.value.refused} />;
}

function SignInForm({ refused }: { readonly refused: boolean }) {
  const [way, setWay] = useState<Way>('token');
  const submit = (event: SubmitEvent & { readonly currentTarget: HTMLFormElement }): void => {
    event.preventDefault();
    const data = new FormData(event.currentTarget);
    const text = (name: string): string => String(data.get(name) ?? '');
    answerSignIn(way === 'token' ? bearer(text('token')) : basic(text('user'), text('password')));
  };
  return (
    <Dialog title="Sign in" close={() => answerSignIn(undefined)}>
      <Tabs<Way> label="How to sign in" tabs={ways} selected={way} select={setWay} panelId="sign-in" />
      <div id="sign-in" role="tabpanel" aria-label="Sign in">
        <form class="sign-in" onSubmit={submit}>
          {refused && (
            <p class="error-text" role="alert">
              The server did not accept that.
            </p>
          )}
          {way === 'token' ? (
            <label>
              Token
              <input class="field" name="token" type="password" required autocomplete="off" autofocus key="token" />
            </label>
          ) : (
            <>
              <label>
                Name
                <input class="field" name="user" required autocomplete="username" autofocus key="user" />
              </label>
              <label>
                Password
                <input class="field" name="password" type="password" autocomplete="current-password" />
              </label>
            </>
          )}
          <p class="soft">Kept until this tab is closed.</p>
          <Button kind="primary" type="submit">
            Sign in
          </Button>
        </form>
      </div>
    </Dialog>
  );
}
