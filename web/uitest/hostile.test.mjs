// What comes from the network is text. Here every string of every answer carries something that would act if it
// were taken for HTML, and the browser is asked whether it was.
import { test, before, after, afterEach } from 'node:test';
import assert from 'node:assert/strict';
import { House } from './house.mjs';
import { browse, pages, watch } from './browse.mjs';

const payloads = ['<img src=x onerror="window.hurt=1">', '<script>window.hurt=1</script>', '"><svg onload="window.hurt=1">', "javascript:window.hurt=1//'", '</title><iframe srcdoc="<script>parent.hurt=1</script>">'];
// These are words of the API itself, or times: the rest may hold anything.
const fixed = new Set(['access', 'type', 'verdict', 'effect', 'class', 'gate', 'form', 'switch', 'default', 'profile', 'then', 'what', 'next', 'time', 'last', 'first', 'day', 'started', 'since', 'first_seen', 'last_seen', 'not_before', 'not_after', 'pause_until', 'first_event', 'created', 'expires', 'older', 'newer', 'last_hit', 'name', 'id', 'body', 'text', 'pem', 'der', 'qr', 'target']);

// poison puts a payload into every string that may hold anything, and says how many there were.
function poison(value, key, turn) {
	if (Array.isArray(value)) return value.map((v) => poison(v, key, turn));
	if (value && typeof value === 'object') return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, poison(v, k, turn)]));
	if (typeof value !== 'string') return value;
	if (key === 'target') return value + '?' + payloads[turn.n++ % payloads.length];
	if (key === 'text') return JSON.stringify({ [payloads[turn.n++ % payloads.length]]: payloads[turn.n % payloads.length], event: payloads[0] });
	if (fixed.has(key)) return value;
	return payloads[turn.n++ % payloads.length] + value;
}

let chromium;
before(async () => { chromium = await browse(); });
after(async () => { await chromium.done(); });
let house;
afterEach(async () => { await house?.stop().catch(() => {}); house = null; });

test('payloads in every field, header, host and path are shown as text', async () => {
	house = await new House().start();
	const turn = { n: 0 };
	const answer = house.answer.bind(house);
	house.answer = (...args) => (args[1] === '/session' ? answer(...args) : { ...poison(answer(...args), '', turn), loose: true });
	const page = await chromium.newPage({ viewport: { width: 1100, height: 900 } });
	const seen = await watch(page, house.url);
	const sound = () => page.evaluate(() => ({
		hurt: window.hurt, title: document.title,
		made: document.querySelectorAll('img:not([src="icon.svg"]):not([alt*="phone"]), iframe, svg[onload], script:not([src]), object, embed').length,
		acts: [...document.querySelectorAll('*')].flatMap((e) => [...e.attributes].filter((a) => a.name.startsWith('on') || (['href', 'src', 'action'].includes(a.name) && /^\s*javascript:/i.test(a.value))).map((a) => a.name)),
		text: document.body.innerText.includes('window.hurt=1'),
	}));
	for (const [name, hash] of Object.entries({ ...pages, setup: '#/setup' })) {
		await page.goto(house.url + hash);
		await page.waitForSelector('main h1', { timeout: 9000 }).catch(async () => assert.fail(`${name} is not shown: ${await page.locator('body').innerText()} ${seen.errors.join(' ')} ${house.faults.join(' ')}`));
		await page.waitForTimeout(250);
		for (const more of await page.locator('details:not([open]) > summary').all()) await more.click({ timeout: 500 }).catch(() => {});
		for (const mark of (await page.locator('.mark[aria-expanded=false]').all()).slice(0, 4)) await mark.click({ timeout: 500 }).catch(() => {});
		const s = await sound();
		assert.equal(s.hurt, undefined, `${name}: a payload ran`);
		assert.equal(s.made, 0, `${name}: a payload became an element`);
		assert.deepEqual(s.acts, [], `${name}: an attribute that acts`);
		assert.ok(s.text, `${name} shows payloads as text`);
	}
	await page.goto(house.url + '#/rules');
	await page.getByLabel('URL').fill('https://analytics.plex.tv/collect/event');
	await page.getByRole('button', { name: 'Explain' }).click();
	await page.waitForSelector('.answer .message');
	house.arrive({ ...poison(house.entries[0], '', turn), id: 'local-999', time: new Date().toISOString() });
	await page.goto(house.url + '#/left?text=' + encodeURIComponent(payloads[0]) + '&kind=' + encodeURIComponent(payloads[1]));
	await page.waitForSelector('main h1');
	const s = await sound();
	assert.deepEqual([s.hurt, s.made, s.acts], [undefined, 0, []]);
	assert.deepEqual(seen.violations, []);
	assert.deepEqual(seen.foreign, []);
	console.log(`${turn.n} payloads`);
	await page.close();
});

test('a walk by keyboard alone: skip, navigate, open an entry and a mark, turn a switch', async () => {
	house = await new House().start();
	const page = await chromium.newPage({ viewport: { width: 1280, height: 900 } });
	const seen = await watch(page, house.url);
	await page.goto(house.url + '#/left');
	await page.waitForSelector('.row');
	const now = () => page.evaluate(() => { const e = document.activeElement; const s = getComputedStyle(e); return { text: (e.getAttribute('aria-label') || e.innerText || '').trim().slice(0, 60), tag: e.tagName, cls: e.className, ring: s.outlineStyle !== 'none' && s.outlineWidth !== '0px' }; });
	const tabTo = async (fits, most = 60) => {
		for (let i = 0; i < most; i++) {
			await page.keyboard.press('Tab');
			const at = await now();
			if (fits(at)) return at;
		}
		throw new Error('not reached by Tab');
	};
	assert.equal((await tabTo(() => true)).text, 'Skip to the content');
	await page.keyboard.press('Enter');
	assert.equal((await now()).tag, 'MAIN');
	const row = await tabTo((a) => a.cls === 'row');
	assert.ok(row.ring, 'the focus can be seen');
	await page.keyboard.press('Enter');
	await page.waitForSelector('.mark');
	await tabTo((a) => a.cls === 'mark');
	await page.keyboard.press('Enter');
	await page.waitForSelector('.why');
	await tabTo((a) => a.text.startsWith('Switch for'));
	await page.keyboard.press('Enter');
	await page.waitForSelector('.kind.goal input:focus');
	await page.keyboard.press('ArrowRight');
	await page.getByText('Playback statistics: Hold back').waitFor();
	assert.equal(house.products.products[0].kinds[0].switch, 'drop');
	await page.waitForFunction(() => document.activeElement?.type === 'radio');
	// Every control of every page can be reached, and none holds the focus.
	for (const [name, hash] of Object.entries(pages)) {
		await page.goto('about:blank');
		await page.goto(house.url + hash);
		await page.waitForSelector('main h1');
		await page.waitForTimeout(300);
		const wanted = await page.evaluate(() => [...document.querySelectorAll('main a[href], main button, main input:not([tabindex="-1"]), main select, main textarea, main summary')].filter((e) => e.checkVisibility() && !e.disabled && (e.type !== 'radio' || e.checked)).slice(0, 40).map((e, i) => (e.dataset.walk = String(i))).length);
		const met = new Set();
		for (let i = 0; i < wanted + 40 && met.size < wanted; i++) {
			await page.keyboard.press('Tab');
			const walk = await page.evaluate(() => document.activeElement?.dataset.walk);
			if (walk !== undefined) met.add(walk);
		}
		assert.equal(met.size, wanted, `${name}: controls reached by Tab`);
	}
	assert.deepEqual(seen.errors, []);
	await page.close();
});
