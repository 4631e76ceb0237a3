import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Type Alias: FailureMode","description":"","frontmatter":{"head":[["link",{"rel":"canonical","href":"https://latchkey-js.github.io/latchkey/api/latchkey/distributed/type-aliases/FailureMode.html"}],["meta",{"property":"og:url","content":"https://latchkey-js.github.io/latchkey/api/latchkey/distributed/type-aliases/FailureMode.html"}],["meta",{"property":"og:title","content":"Type Alias: FailureMode"}],["meta",{"property":"og:description","content":"Mutex, semaphore and read-write lock for async JavaScript: fair, cancellable with AbortSignal, impossible to release twice."}]],"editLink":false,"lastUpdated":false},"headers":[],"relativePath":"api/latchkey/distributed/type-aliases/FailureMode.md","filePath":"site/pages/api/latchkey/distributed/type-aliases/FailureMode.md","lastUpdated":null}');
const _sfc_main = { name: "api/latchkey/distributed/type-aliases/FailureMode.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><p><a href="/api/">latchkey API</a> / <a href="/api/latchkey/distributed/">latchkey/distributed</a> / FailureMode</p><h1 id="type-alias-failuremode" tabindex="-1">Type Alias: FailureMode <a class="header-anchor" href="#type-alias-failuremode" aria-label="Permalink to &quot;Type Alias: FailureMode&quot;">​</a></h1><div class="language-ts vp-adaptive-theme"><button title="Copy Code" class="copy"></button><span class="lang">ts</span><pre class="shiki shiki-themes github-light-high-contrast github-dark-high-contrast vp-code" tabindex="0"><code><span class="line"><span style="--shiki-light:#A0111F;--shiki-dark:#FF9492;">type</span><span style="--shiki-light:#702C00;--shiki-dark:#FFB757;"> FailureMode</span><span style="--shiki-light:#A0111F;--shiki-dark:#FF9492;"> =</span><span style="--shiki-light:#032563;--shiki-dark:#ADDCFF;"> &quot;crash&quot;</span><span style="--shiki-light:#A0111F;--shiki-dark:#FF9492;"> |</span><span style="--shiki-light:#032563;--shiki-dark:#ADDCFF;"> &quot;pause&quot;</span><span style="--shiki-light:#A0111F;--shiki-dark:#FF9492;"> |</span><span style="--shiki-light:#032563;--shiki-dark:#ADDCFF;"> &quot;failover&quot;</span><span style="--shiki-light:#0E1116;--shiki-dark:#F0F3F6;">;</span></span></code></pre></div><p>What a lock can go through without two holders of one key at a time.</p><ul><li><code>crash</code>: a holder or a waiter is killed. The key comes to the next within a bound.</li><li><code>pause</code>: a holder stops for longer than its lease and goes on. Nobody else was granted meanwhile.</li><li><code>failover</code>: the engine is replaced by a replica that may lag behind.</li></ul></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("site/pages/api/latchkey/distributed/type-aliases/FailureMode.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const FailureMode = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  FailureMode as default
};
