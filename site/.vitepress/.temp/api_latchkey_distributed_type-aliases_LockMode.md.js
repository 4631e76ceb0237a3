import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Type Alias: LockMode","description":"","frontmatter":{"head":[["link",{"rel":"canonical","href":"https://latchkey-js.github.io/latchkey/api/latchkey/distributed/type-aliases/LockMode.html"}],["meta",{"property":"og:url","content":"https://latchkey-js.github.io/latchkey/api/latchkey/distributed/type-aliases/LockMode.html"}],["meta",{"property":"og:title","content":"Type Alias: LockMode"}],["meta",{"property":"og:description","content":"Mutex, semaphore and read-write lock for async JavaScript: fair, cancellable with AbortSignal, impossible to release twice."}]],"editLink":false,"lastUpdated":false},"headers":[],"relativePath":"api/latchkey/distributed/type-aliases/LockMode.md","filePath":"site/pages/api/latchkey/distributed/type-aliases/LockMode.md","lastUpdated":null}');
const _sfc_main = { name: "api/latchkey/distributed/type-aliases/LockMode.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><p><a href="/api/">latchkey API</a> / <a href="/api/latchkey/distributed/">latchkey/distributed</a> / LockMode</p><h1 id="type-alias-lockmode" tabindex="-1">Type Alias: LockMode <a class="header-anchor" href="#type-alias-lockmode" aria-label="Permalink to &quot;Type Alias: LockMode&quot;">​</a></h1><div class="language-ts vp-adaptive-theme"><button title="Copy Code" class="copy"></button><span class="lang">ts</span><pre class="shiki shiki-themes github-light-high-contrast github-dark-high-contrast vp-code" tabindex="0"><code><span class="line"><span style="--shiki-light:#A0111F;--shiki-dark:#FF9492;">type</span><span style="--shiki-light:#702C00;--shiki-dark:#FFB757;"> LockMode</span><span style="--shiki-light:#A0111F;--shiki-dark:#FF9492;"> =</span><span style="--shiki-light:#032563;--shiki-dark:#ADDCFF;"> &quot;exclusive&quot;</span><span style="--shiki-light:#A0111F;--shiki-dark:#FF9492;"> |</span><span style="--shiki-light:#032563;--shiki-dark:#ADDCFF;"> &quot;shared&quot;</span><span style="--shiki-light:#0E1116;--shiki-dark:#F0F3F6;">;</span></span></code></pre></div><p>How a key is held: alone, or together with others that share it. Named as <code>navigator.locks</code> names it. A caller that waits for a key alone stops those that come later and would share it, so it is not starved.</p></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("site/pages/api/latchkey/distributed/type-aliases/LockMode.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const LockMode = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  LockMode as default
};
