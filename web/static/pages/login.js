// Sign in, and the first password with its one-time code.
import { html, useState, useRef, useEffect } from '../lib.js';
import { post } from '../api.js';
import { text } from '../text.js';

export default function Login({ session, expired, entered }) {
	useEffect(() => { document.title = `${session.password_set ? text.login.title : text.login.setTitle} · ${text.name}`; }, [session.password_set]);
	return html`<main class="login"><div class="login-card panel"><div class="login-brand"><img src="icon.svg" alt="" />${text.name}</div>
		${session.password_set ? html`<${SignIn} expired=${expired} entered=${entered} />` : html`<${First} entered=${entered} />`}</div></main>`;
}

function useForm(run) {
	const [state, set] = useState({ busy: false, line: '', wait: 0 });
	useEffect(() => {
		if (state.wait <= 0) return undefined;
		const timer = setTimeout(() => set((s) => ({ ...s, wait: s.wait - 1 })), 1000);
		return () => clearTimeout(timer);
	}, [state.wait]);
	const submit = async (e) => {
		e.preventDefault();
		if (state.busy || state.wait > 0) return;
		set({ busy: true, line: '', wait: 0 });
		try {
			const line = await run();
			set({ busy: false, line: line ?? '', wait: 0 });
		} catch (fault) {
			set({ busy: false, line: fault, wait: fault.retryAfter || 0 });
		}
	};
	return [state, submit];
}

function line(state, wrong) {
	if (state.wait > 0) return text.login.wait(state.wait);
	const f = state.line;
	if (!f || typeof f === 'string') return f;
	if (f.code === 'too_many') return '';
	if (f.code === 'unauthorized' || f.code === 'forbidden') return wrong;
	return [text.faults[f.code] ?? text.faults.failed, f.message].filter(Boolean).join(': ');
}

function SignIn({ expired, entered }) {
	const [password, setPassword] = useState('');
	const field = useRef(null);
	useEffect(() => field.current?.focus(), []);
	const [state, submit] = useForm(async () => {
		try { entered(await post('/login', { password })); } catch (f) { setPassword(''); field.current?.focus(); throw f; }
	});
	return html`<form class="stack" onSubmit=${submit}><div><h1>${text.login.title}</h1><p class="dim">${expired ? text.login.expired : text.login.lead}</p></div>
		<input class="sr" type="text" name="username" autocomplete="username" value="scrim" tabindex="-1" aria-hidden="true" readonly />
		<label class="field">${text.login.password}<input ref=${field} type="password" name="password" autocomplete="current-password" required value=${password} onInput=${(e) => setPassword(e.target.value)} aria-describedby="login-fault" /></label>
		<p class="bad" id="login-fault" role="alert">${line(state, text.login.wrong)}</p>
		<button class="button first" type="submit" disabled=${state.busy || state.wait > 0}>${text.login.go}</button></form>`;
}

function First({ entered }) {
	const [v, set] = useState({ code: '', one: '', two: '' });
	const type = (name) => (e) => set({ ...v, [name]: e.target.value });
	const [state, submit] = useForm(async () => {
		if (v.one.length < 10) return text.access.short;
		if (v.one !== v.two) return text.access.differ;
		entered(await post('/password', { code: v.code.trim(), new: v.one }));
		return '';
	});
	return html`<form class="stack" onSubmit=${submit}><div><h1>${text.login.setTitle}</h1><p class="dim">${text.login.setLead}</p></div>
		<label class="field">${text.login.code}<input type="text" autocomplete="one-time-code" autocapitalize="characters" spellcheck=${false} required value=${v.code} onInput=${type('code')} /></label>
		<label class="field">${text.access.new}<input type="password" autocomplete="new-password" required value=${v.one} onInput=${type('one')} /><small>${text.access.short}</small></label>
		<label class="field">${text.access.again}<input type="password" autocomplete="new-password" required value=${v.two} onInput=${type('two')} /></label>
		<p class="bad" role="alert">${line(state, text.login.wrongCode)}</p>
		<button class="button first" type="submit" disabled=${state.busy || state.wait > 0}>${text.login.setGo}</button></form>`;
}
