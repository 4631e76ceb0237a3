import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"tryAcquire on a closed lock returns undefined","description":"","frontmatter":{"head":[["link",{"rel":"canonical","href":"https://latchkey-js.github.io/latchkey/decisions/try-acquire-on-closed.html"}],["meta",{"property":"og:url","content":"https://latchkey-js.github.io/latchkey/decisions/try-acquire-on-closed.html"}],["meta",{"property":"og:title","content":"tryAcquire on a closed lock returns undefined"}],["meta",{"property":"og:description","content":"Mutex, semaphore and read-write lock for async JavaScript: fair, cancellable with AbortSignal, impossible to release twice."}]]},"headers":[],"relativePath":"decisions/try-acquire-on-closed.md","filePath":"docs/decisions/try-acquire-on-closed.md","lastUpdated":1795874602000}');
const _sfc_main = { name: "decisions/try-acquire-on-closed.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="tryacquire-on-a-closed-lock-returns-undefined" tabindex="-1"><code>tryAcquire</code> on a closed lock returns <code>undefined</code> <a class="header-anchor" href="#tryacquire-on-a-closed-lock-returns-undefined" aria-label="Permalink to &quot;\`tryAcquire\` on a closed lock returns \`undefined\`&quot;">​</a></h1><p><strong>Decision.</strong> After <code>close()</code>, <code>tryAcquire()</code> returns <code>undefined</code>, as it does for a lock that is taken. It does not throw a <code>LockClosedError</code>. <code>acquire</code> and <code>runExclusive</code> reject with one.</p><div class="language-ts vp-adaptive-theme"><button title="Copy Code" class="copy"></button><span class="lang">ts</span><pre class="shiki shiki-themes github-light-high-contrast github-dark-high-contrast vp-code" tabindex="0"><code><span class="line"><span style="--shiki-light:#A0111F;--shiki-dark:#FF9492;">import</span><span style="--shiki-light:#0E1116;--shiki-dark:#F0F3F6;"> { Mutex } </span><span style="--shiki-light:#A0111F;--shiki-dark:#FF9492;">from</span><span style="--shiki-light:#032563;--shiki-dark:#ADDCFF;"> &#39;latchkey&#39;</span></span>
<span class="line"></span>
<span class="line"><span style="--shiki-light:#A0111F;--shiki-dark:#FF9492;">const</span><span style="--shiki-light:#023B95;--shiki-dark:#91CBFF;"> mutex</span><span style="--shiki-light:#A0111F;--shiki-dark:#FF9492;"> =</span><span style="--shiki-light:#A0111F;--shiki-dark:#FF9492;"> new</span><span style="--shiki-light:#622CBC;--shiki-dark:#DBB7FF;"> Mutex</span><span style="--shiki-light:#0E1116;--shiki-dark:#F0F3F6;">()</span></span>
<span class="line"><span style="--shiki-light:#A0111F;--shiki-dark:#FF9492;">await</span><span style="--shiki-light:#0E1116;--shiki-dark:#F0F3F6;"> mutex.</span><span style="--shiki-light:#622CBC;--shiki-dark:#DBB7FF;">close</span><span style="--shiki-light:#0E1116;--shiki-dark:#F0F3F6;">()</span></span>
<span class="line"><span style="--shiki-light:#0E1116;--shiki-dark:#F0F3F6;">mutex.</span><span style="--shiki-light:#622CBC;--shiki-dark:#DBB7FF;">tryAcquire</span><span style="--shiki-light:#0E1116;--shiki-dark:#F0F3F6;">() </span><span style="--shiki-light:#66707B;--shiki-dark:#BDC4CC;">// → undefined</span></span>
<span class="line"><span style="--shiki-light:#0E1116;--shiki-dark:#F0F3F6;">mutex.closed </span><span style="--shiki-light:#66707B;--shiki-dark:#BDC4CC;">// → true</span></span></code></pre></div><p><strong>Why.</strong> <code>tryAcquire</code> answers one question: may I go on now? The answer is no. Its callers have a branch for no already, and that branch is the right one: skip this round, do something else. Were it to throw, each of them would need a second branch for a case that comes up at shutdown only, and that no test of theirs would reach.</p><p>Throwing is for misuse, and to ask a closed lock is no mistake of the caller: closing races with callers that ask.</p><p><strong>Against it.</strong> A loop that tries until it succeeds never ends on a closed lock. Such a loop should <code>acquire</code>, which waits without a loop and is told. Code that needs to tell the two apart looks at <code>closed</code>.</p></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("docs/decisions/try-acquire-on-closed.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const tryAcquireOnClosed = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  tryAcquireOnClosed as default
};
