import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Which primitive do I need","description":"","frontmatter":{"head":[["link",{"rel":"canonical","href":"https://latchkey-js.github.io/latchkey/primitives/"}],["meta",{"property":"og:url","content":"https://latchkey-js.github.io/latchkey/primitives/"}],["meta",{"property":"og:title","content":"Which primitive do I need"}],["meta",{"property":"og:description","content":"Mutex, semaphore and read-write lock for async JavaScript: fair, cancellable with AbortSignal, impossible to release twice."}]]},"headers":[],"relativePath":"primitives/index.md","filePath":"docs/primitives/README.md","lastUpdated":1795874804000}');
const _sfc_main = { name: "primitives/index.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="which-primitive-do-i-need" tabindex="-1">Which primitive do I need <a class="header-anchor" href="#which-primitive-do-i-need" aria-label="Permalink to &quot;Which primitive do I need&quot;">​</a></h1><p>All primitives use the same queue (<a href="/waiter-queue.html"><code>WaiterQueue</code></a>). So all of them hand off directly, take a <code>signal</code> and a <code>timeout</code>, can be closed, and are released by their holder only. First find out <a href="/which-lock.html">where the callers are</a>.</p><div class="language-text vp-adaptive-theme"><button title="Copy Code" class="copy"></button><span class="lang">text</span><pre class="shiki shiki-themes github-light-high-contrast github-dark-high-contrast vp-code" tabindex="0"><code><span class="line"><span>What has to wait?</span></span>
<span class="line"><span>│</span></span>
<span class="line"><span>├─ A caller, while another one is at work</span></span>
<span class="line"><span>│   ├─ one at a time ──────────────────────────────────▶ Mutex</span></span>
<span class="line"><span>│   ├─ one at a time for each user, file, order … ─────▶ KeyedMutex</span></span>
<span class="line"><span>│   ├─ n at a time, or by size ────────────────────────▶ Semaphore</span></span>
<span class="line"><span>│   ├─ n at a time, each with something of its own ────▶ Pool</span></span>
<span class="line"><span>│   └─ many may read, one changes ─────────────────────▶ ReadWriteLock</span></span>
<span class="line"><span>│</span></span>
<span class="line"><span>├─ A caller that wants a result another one fetches</span></span>
<span class="line"><span>│   ├─ once at a time for each key ────────────────────▶ SingleFlight</span></span>
<span class="line"><span>│   └─ once for all ───────────────────────────────────▶ Lazy</span></span>
<span class="line"><span>│</span></span>
<span class="line"><span>├─ A caller, for an event</span></span>
<span class="line"><span>│   ├─ that can be undone ─────────────────────────────▶ Gate</span></span>
<span class="line"><span>│   ├─ that takes n steps, once ───────────────────────▶ Latch</span></span>
<span class="line"><span>│   └─ that is the arrival of all, again and again ────▶ Barrier</span></span>
<span class="line"><span>│</span></span>
<span class="line"><span>└─ The holder of a lock, until something has changed ──▶ Condition</span></span></code></pre></div><table tabindex="0"><thead><tr><th>primitive</th><th>held by</th><th>grants</th><th>read</th></tr></thead><tbody><tr><td><code>Mutex</code></td><td>one caller</td><td>at <code>release()</code>, to the next waiter</td><td><a href="/getting-started.html">Getting started</a></td></tr><tr><td><code>KeyedMutex</code></td><td>one caller for each key, or for many keys</td><td>the same</td><td><a href="/keyed-locks.html">Keyed locks</a></td></tr><tr><td><code>Semaphore</code></td><td>as many callers as there are permits</td><td>at <code>release()</code>, to all waiters that fit</td><td><a href="/primitives/semaphore.html">Semaphore</a></td></tr><tr><td><code>ReadWriteLock</code></td><td>any number of readers, or one writer</td><td>at <code>release()</code>: to a writer, or to all readers in a row</td><td><a href="/primitives/read-write-lock.html">Read-write lock</a></td></tr><tr><td><code>Pool</code></td><td>as many callers as it may make resources</td><td>at <code>release()</code>, to the next waiter</td><td><a href="/primitives/pool.html">Pool</a></td></tr><tr><td><code>SingleFlight</code></td><td>one running task for each key</td><td>when the task has settled, to all callers</td><td><a href="/primitives/single-flight-and-lazy.html">SingleFlight and Lazy</a></td></tr><tr><td><code>Lazy</code></td><td>one factory</td><td>when it has settled, to all callers</td><td><a href="/primitives/single-flight-and-lazy.html">SingleFlight and Lazy</a></td></tr><tr><td><code>Gate</code></td><td>no caller</td><td>at <code>open()</code>, to all waiters</td><td><a href="/primitives/gate-latch-barrier.html">Gate, latch and barrier</a></td></tr><tr><td><code>Latch</code></td><td>no caller</td><td>when it is counted down, to all waiters</td><td><a href="/primitives/gate-latch-barrier.html">Gate, latch and barrier</a></td></tr><tr><td><code>Barrier</code></td><td>no caller</td><td>when the last party has arrived, to all</td><td><a href="/primitives/gate-latch-barrier.html">Gate, latch and barrier</a></td></tr><tr><td><code>Condition</code></td><td>no caller: it is waited on <em>with</em> a mutex</td><td>at <code>notify()</code>, in order</td><td><a href="/primitives/condition.html">Condition</a></td></tr></tbody></table><h2 id="three-questions-that-settle-most-cases" tabindex="-1">Three questions that settle most cases <a class="header-anchor" href="#three-questions-that-settle-most-cases" aria-label="Permalink to &quot;Three questions that settle most cases&quot;">​</a></h2><ul><li><strong>Does the order of two calls matter, or only that they do not overlap?</strong> If they must not overlap, it is a <code>Mutex</code>.</li><li><strong>Is it really one thing?</strong> Two users have two carts. A <code>KeyedMutex</code> lets them work at the same time.</li><li><strong>Do you guard state, or a budget?</strong> State wants one at a time. A budget (connections, memory, requests per second of another company&#39;s API) wants a <code>Semaphore</code>, with the size of each request as its weight.</li></ul><p>A <code>ReadWriteLock</code> pays only if a reader <em>awaits</em> something while the state must not change. A read without an <code>await</code> cannot be interrupted: it needs no lock.</p></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("docs/primitives/README.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const README = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  README as default
};
